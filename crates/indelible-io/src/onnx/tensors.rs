//! Reading compact forms: the tensors of a file by name, and the comparison of
//! its graph with the one that the form has.
//!
//! A compact form is described once, by the function that makes its graph. Its
//! reader takes the tensors, makes the graph anew and compares: what is not
//! exactly this form is refused.

use std::collections::BTreeMap;

use indelible::{Features, Precision};

use super::{
    OnnxError,
    graph::{bytes, dims, integers, numbers, singles},
    proto::{self, data_type},
};

/// Features that a file may declare, so that sizes can be multiplied.
const MOST_FEATURES: usize = 1 << 31;

/// Tensors by name, each of which must be used exactly once.
pub(super) struct Tensors<'a> {
    /// What the form is called in refusals.
    form: &'static str,
    left: BTreeMap<&'a str, &'a proto::Tensor>,
    precision: Option<Precision>,
}

impl<'a> Tensors<'a> {
    /// The tensors of `file`, whose operator set must be one of `opsets`.
    pub fn new(
        form: &'static str,
        file: &'a proto::Graph,
        opset: Option<i64>,
        opsets: std::ops::RangeInclusive<i64>,
    ) -> Result<Self, OnnxError> {
        let left = file.initializer.iter().map(|tensor| (&*tensor.name, tensor)).collect();
        let tensors = Self { form, left, precision: None };
        if tensors.left.len() != file.initializer.len() {
            return Err(tensors.unlike("two of its tensors have one name"));
        }
        if opset.is_none_or(|version| !opsets.contains(&version)) {
            let (first, last) = (opsets.start(), opsets.end());
            return Err(tensors.unlike(&format!("its operator set is not one of {first} to {last}")));
        }
        Ok(tensors)
    }

    /// The error about a file that is not of this form.
    pub fn unlike(&self, why: &str) -> OnnxError {
        OnnxError::Structure(format!("the network is no {} of indelible: {why}", self.form))
    }

    /// Whether the tensor `name` is there and was not taken.
    pub fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<&'a proto::Tensor, OnnxError> {
        let found = self.left.remove(name);
        let tensor = found.ok_or_else(|| self.unlike(&format!("'{name}' is missing")))?;
        if dims(tensor)? == shape {
            Ok(tensor)
        } else {
            Err(wrong(tensor, format!("its shape is {:?}; expected {shape:?}", tensor.dims)))
        }
    }

    /// Shape of the matrix `name`, which stays; `None` where it is not there.
    pub fn shape(&self, name: &str) -> Result<Option<[usize; 2]>, OnnxError> {
        let Some(tensor) = self.left.get(name) else { return Ok(None) };
        match dims(tensor)?[..] {
            [a, b] => Ok(Some([a, b])),
            _ => Err(wrong(tensor, format!("its shape is {:?}; expected a matrix", tensor.dims))),
        }
    }

    /// The same of a matrix that must be there.
    pub fn known_shape(&self, name: &str) -> Result<[usize; 2], OnnxError> {
        self.shape(name)?.ok_or_else(|| self.unlike(&format!("'{name}' is missing")))
    }

    /// The length of the vector `name`, which stays.
    pub fn length(&self, name: &str) -> Result<usize, OnnxError> {
        let tensor = self.left.get(name);
        let tensor = tensor.ok_or_else(|| self.unlike(&format!("'{name}' is missing")))?;
        match dims(tensor)?[..] {
            [length] => Ok(length),
            _ => Err(wrong(tensor, format!("its shape is {:?}; expected a vector", tensor.dims))),
        }
    }

    fn one_precision(&mut self, tensor: &proto::Tensor, precision: Precision) -> Result<(), OnnxError> {
        if *self.precision.get_or_insert(precision) == precision {
            Ok(())
        } else {
            Err(wrong(tensor, format!("it is {precision}; expected one format in the whole network")))
        }
    }

    /// The one format of all numbers.
    pub fn precision(&self) -> Precision {
        self.precision.unwrap_or(Precision::F32)
    }

    /// The numbers of a tensor of this shape.
    pub fn numbers(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f64>, OnnxError> {
        let tensor = self.take(name, shape)?;
        let (values, precision) = numbers(tensor)?;
        self.one_precision(tensor, precision)?;
        Ok(values)
    }

    /// Numbers that must be these.
    pub fn fixed_numbers(&mut self, name: &str, shape: &[usize], values: &[f64]) -> Result<(), OnnxError> {
        if self.numbers(name, shape)? == values {
            Ok(())
        } else {
            Err(self.unlike(&format!("'{name}' holds other numbers than its form has")))
        }
    }

    /// Integers from 0 to `end`, not included.
    pub fn below(&mut self, name: &str, shape: &[usize], end: usize) -> Result<Vec<usize>, OnnxError> {
        let tensor = self.take(name, shape)?;
        integers(tensor)?
            .iter()
            .map(|&v| usize::try_from(v).ok().filter(|v| *v < end))
            .collect::<Option<_>>()
            .ok_or_else(|| wrong(tensor, format!("an integer is not between 0 and {end}")))
    }

    /// Integers that must be these.
    pub fn fixed(&mut self, name: &str, shape: &[usize], values: &[usize]) -> Result<(), OnnxError> {
        if self.below(name, shape, usize::MAX)? == values {
            Ok(())
        } else {
            Err(self.unlike(&format!("'{name}' holds other integers than its form has")))
        }
    }

    /// The bytes of a tensor of this shape.
    pub fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<&'a [u8], OnnxError> {
        bytes(self.take(name, shape)?)
    }

    /// A matrix of stored rows: bytes with a table `levels` where there is one,
    /// or numbers.
    pub fn rows(&mut self, name: &str, shape: [usize; 2]) -> Result<Features, OnnxError> {
        if self.has("levels") {
            let levels = self.numbers("levels", &[256])?;
            let codes = self.bytes(name, &shape)?;
            return Ok(Features::Coded { codes: codes.to_vec().into(), levels: levels.into() });
        }
        let tensor = self.take(name, &shape)?;
        if tensor.data_type == data_type::FLOAT {
            self.one_precision(tensor, Precision::F32)?;
            return Ok(Features::F32(singles(tensor)?.into()));
        }
        let (values, precision) = numbers(tensor)?;
        self.one_precision(tensor, precision)?;
        Ok(Features::F64(values.into()))
    }

    /// Checks that no tensor is left and that `file` is the graph that one of
    /// the descriptions has; gives that description.
    pub fn finish<D>(
        &self,
        file: &proto::Graph,
        descriptions: impl IntoIterator<Item = D>,
        graph: impl Fn(&D) -> proto::Graph,
    ) -> Result<D, OnnxError> {
        if let Some(name) = self.left.keys().next() {
            return Err(self.unlike(&format!("tensor '{name}' has no place in it")));
        }
        let same = |description: &D| {
            let expected = graph(description);
            expected.node == file.node
                && expected.input == file.input
                && expected.output == file.output
                && file.sparse_initializer.is_empty()
        };
        let found = descriptions.into_iter().find(same);
        found.ok_or_else(|| self.unlike("its nodes, inputs or outputs are not those of its form"))
    }
}

/// The number of features of the one input of `file`, declared as
/// `[batch, features]`.
pub(super) fn declared_features(file: &proto::Graph) -> Option<usize> {
    let [input] = &file.input[..] else { return None };
    let shape = input.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let [_, features] = &shape.dim[..] else { return None };
    usize::try_from(features.dim_value?).ok().filter(|n| (1..=MOST_FEATURES).contains(n))
}

/// The error about one tensor.
pub(super) fn wrong(tensor: &proto::Tensor, why: String) -> OnnxError {
    OnnxError::Tensor { name: tensor.name.clone(), why }
}
