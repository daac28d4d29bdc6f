//! Affine maps, by rows: stored, or implied by a kernel.

use crate::{
    Precision,
    network::{Layer, Row, Size},
};

/// An affine map `x ↦ W x + b`.
#[derive(Clone, Debug, PartialEq)]
pub enum AffineMap {
    /// Stored rows, without zeros.
    Rows(Layer),
    /// The rows that a convolution stands for.
    Convolution(Convolution),
}

/// Room for one row that is not stored.
#[derive(Clone, Debug, Default)]
pub struct RowBuffer {
    columns: Vec<usize>,
    weights: Vec<f64>,
}

impl AffineMap {
    /// Length of what it reads.
    #[must_use]
    pub fn inputs(&self) -> usize {
        match self {
            Self::Rows(layer) => layer.inputs(),
            Self::Convolution(convolution) => convolution.window.inputs(),
        }
    }

    /// Length of what it gives.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Rows(layer) => layer.outputs(),
            Self::Convolution(convolution) => convolution.outputs(),
        }
    }

    /// Row `index` of `W` without its zeros, and its bias; columns differ. What
    /// is needed of the map, forward or transposed, is said by its rows.
    ///
    /// # Panics
    /// When `index` is out of range.
    #[must_use]
    pub fn row<'a>(&'a self, index: usize, buffer: &'a mut RowBuffer) -> Row<'a> {
        match self {
            Self::Rows(layer) => layer.row(index),
            Self::Convolution(convolution) => convolution.row(index, buffer),
        }
    }

    pub(super) fn holds(&self, precision: Precision) -> bool {
        match self {
            Self::Rows(layer) => layer.holds(precision),
            Self::Convolution(c) => c.weights.iter().chain(&c.biases).all(|v| precision.holds(*v)),
        }
    }

    pub(super) fn parameters(&self) -> Size {
        let (nonzero, all, max_abs) = match self {
            Self::Rows(layer) => (layer.nonzero(), (layer.inputs() + 1) * layer.outputs(), layer.max_abs()),
            Self::Convolution(c) => {
                let numbers = || c.weights.iter().chain(&c.biases);
                (
                    numbers().filter(|v| **v != 0.0).count(),
                    numbers().count(),
                    numbers().fold(0.0f64, |m, v| m.max(v.abs())),
                )
            }
        };
        Size { depth: 1, width: 0, nonzero, all, max_abs }
    }
}

/// Where a kernel lies on an image of `channels × height × width` numbers, row
/// by row: what convolutions and pooling have in common. An image of one
/// dimension has height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Number of channels that are read.
    pub channels: usize,
    /// Height and width of the image.
    pub image: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps from one place to the next.
    pub strides: [usize; 2],
    /// Steps from one element of the kernel to the next.
    pub dilations: [usize; 2],
    /// Rows above and columns left of the image.
    pub pads: [usize; 2],
    /// Number of places, down and to the right.
    pub places: [usize; 2],
}

impl Window {
    /// Length of the image.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.channels * self.image[0] * self.image[1]
    }

    /// The elements of the kernel that lie on the image at `place`: position in
    /// the kernel and in the image of one channel.
    pub fn at(&self, place: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let window = *self;
        let [down, right] = [place / window.places[1], place % window.places[1]];
        let on_image = move |axis: usize, place: usize, element: usize| {
            (place * window.strides[axis] + element * window.dilations[axis])
                .checked_sub(window.pads[axis])
                .filter(|at| *at < window.image[axis])
        };
        (0..window.kernel[0]).filter_map(move |k| Some((k, on_image(0, down, k)?))).flat_map(move |(k, y)| {
            (0..window.kernel[1]).filter_map(move |l| {
                let x = on_image(1, right, l)?;
                Some((k * window.kernel[1] + l, y * window.image[1] + x))
            })
        })
    }

    /// Whether all lengths can be multiplied and there is something to read.
    pub(super) fn is_sound(&self) -> bool {
        let product = |numbers: &[usize]| numbers.iter().try_fold(1usize, |p, &n| p.checked_mul(n));
        let reaches = |axis: usize| {
            let last = self.places[axis].checked_sub(1)?.checked_mul(self.strides[axis])?;
            last.checked_add(self.kernel[axis].checked_sub(1)?.checked_mul(self.dilations[axis])?)
        };
        let [h, w] = self.image;
        product(&[self.channels, h, w]).is_some_and(|n| n > 0)
            && product(&self.kernel).is_some_and(|n| n > 0)
            && product(&self.places).is_some_and(|n| n > 0)
            && reaches(0).is_some()
            && reaches(1).is_some()
    }
}

/// A convolution of one image: output channel `m` of group `g` at a place is
/// `b_m + Σ w_{m,c,k} x_{g·C/G + c, place + k}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// Where the kernel lies.
    pub window: Window,
    /// Number of groups, which divides the channels that are read and given.
    pub groups: usize,
    /// Kernels: output channels × channels of a group × height × width.
    pub weights: Vec<f64>,
    /// One bias per output channel.
    pub biases: Vec<f64>,
}

impl Convolution {
    fn per_group(&self) -> usize {
        self.window.channels / self.groups.max(1)
    }

    fn outputs(&self) -> usize {
        self.biases.len() * self.window.places[0] * self.window.places[1]
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let window = &self.window;
        let divides = |n: usize| self.groups > 0 && n.is_multiple_of(self.groups);
        let kernel = window.kernel[0].checked_mul(window.kernel[1]);
        let expected = kernel.and_then(|k| k.checked_mul(self.per_group())?.checked_mul(self.biases.len()));
        let places = window.places[0].checked_mul(window.places[1]);
        let fits = places.and_then(|p| p.checked_mul(self.biases.len())).is_some_and(|n| n > 0);
        let sound = window.is_sound() && divides(window.channels) && divides(self.biases.len());
        if sound && fits && expected == Some(self.weights.len()) {
            return Ok(());
        }
        Err(format!("{} weights of a kernel that does not fit what it reads", self.weights.len()))
    }

    fn row<'a>(&'a self, index: usize, buffer: &'a mut RowBuffer) -> Row<'a> {
        let (window, per_group) = (&self.window, self.per_group());
        let places = window.places[0] * window.places[1];
        let (channel, place) = (index / places, index % places);
        let kernel = window.kernel[0] * window.kernel[1];
        let image = window.image[0] * window.image[1];
        let first = channel / (self.biases.len() / self.groups) * per_group;
        buffer.columns.clear();
        buffer.weights.clear();
        for c in 0..per_group {
            let weights = &self.weights[(channel * per_group + c) * kernel..][..kernel];
            for (k, at) in window.at(place) {
                if weights[k] != 0.0 {
                    buffer.columns.push((first + c) * image + at);
                    buffer.weights.push(weights[k]);
                }
            }
        }
        Row { columns: &buffer.columns, weights: &buffer.weights, bias: self.biases[channel] }
    }
}
