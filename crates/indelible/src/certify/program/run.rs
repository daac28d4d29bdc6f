//! Programs in plain arithmetic: values and gradients, about. No proof rests on
//! them.

use super::{
    map::Lengths,
    step::{Affine, Program, Step},
};

impl Affine<'_> {
    /// Its sums of some rows of values; `values` has one entry per vector.
    pub fn forward(&self, values: &[Vec<f64>], widths: &[usize], rows: usize) -> Vec<f64> {
        let outputs = self.biases.len();
        let mut sums = self.biases.repeat(rows);
        for (vector, map) in &self.parts {
            let lengths = Lengths { rows, inputs: widths[*vector], outputs };
            map.forward(&values[*vector], lengths, &mut sums);
        }
        sums
    }
}

impl Program<'_> {
    /// The values of every vector at some points, row after row.
    pub fn forward(&self, at: &[f64], rows: usize) -> Vec<Vec<f64>> {
        let mut all = vec![at.to_vec()];
        for step in &self.steps {
            let values = match step {
                Step::Affine(affine) => affine.forward(&all, &self.widths, rows),
                Step::Hinges(hinges) => {
                    let read = &all[hinges.read];
                    let width = self.widths[hinges.read];
                    read.iter().enumerate().map(|(i, z)| hinges.at(i % width).at(*z)).collect()
                }
            };
            all.push(values);
        }
        all
    }

    /// Derivatives by the inputs, of derivatives by the outputs; `values` are
    /// those of every vector.
    pub fn backward(&self, values: &[Vec<f64>], gradient: Vec<f64>, rows: usize) -> Vec<f64> {
        let mut all: Vec<Option<Vec<f64>>> = vec![None; self.widths.len()];
        if let Some(last) = all.last_mut() {
            *last = Some(gradient);
        }
        for (index, step) in self.steps.iter().enumerate().rev() {
            let Some(gradient) = all[index + 1].take() else { continue };
            match step {
                Step::Affine(affine) => {
                    for (vector, map) in &affine.parts {
                        let lengths =
                            Lengths { rows, inputs: self.widths[*vector], outputs: self.widths[index + 1] };
                        add(&mut all[*vector], map.back(&gradient, lengths));
                    }
                }
                Step::Hinges(hinges) => {
                    let width = self.widths[hinges.read];
                    let passed = gradient.iter().zip(&values[hinges.read]).enumerate().map(|(i, (g, z))| {
                        let hinge = hinges.at(i % width);
                        g * if *z > hinge.kink { hinge.right } else { hinge.left }
                    });
                    add(&mut all[hinges.read], passed.collect());
                }
            }
        }
        all.into_iter().next().flatten().unwrap_or_else(|| vec![0.0; rows * self.widths[0]])
    }
}

fn add(sum: &mut Option<Vec<f64>>, more: Vec<f64>) {
    match sum {
        None => *sum = Some(more),
        Some(sum) => sum.iter_mut().zip(more).for_each(|(sum, x)| *sum += x),
    }
}
