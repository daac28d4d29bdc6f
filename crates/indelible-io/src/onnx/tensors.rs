//! Reading compact forms: the comparison of a file's graph with the one that the
//! form has, and the tensors of the file by the names that they have there.
//!
//! A compact form is described once, by the function that makes its graph. Its
//! reader makes that graph anew and compares, whatever the values are called:
//! what is not exactly this form is refused.

use std::collections::BTreeMap;

use indelible::{Features, Precision};

use super::{
    OnnxError,
    graph::{bytes, dims, integers, is_default, numbers, operator, singles},
    proto::{self, data_type},
};

/// Features that a file may declare, so that sizes can be multiplied.
const MOST_FEATURES: usize = 1 << 31;

/// Tensors by the name that they have in the form, each of which must be used
/// exactly once.
pub(super) struct Tensors<'a> {
    /// What the form is called in refusals.
    form: &'static str,
    file: &'a proto::Graph,
    names: Names<'a>,
    left: BTreeMap<String, &'a proto::Tensor>,
    precision: Option<Precision>,
}

impl<'a> Tensors<'a> {
    /// The tensors of `file`, whose nodes must be those of one of the
    /// `descriptions`, and that description. The operator set must be one of
    /// `opsets`.
    pub fn new<D>(
        form: &'static str,
        file: &'a proto::Graph,
        (opset, opsets): (Option<i64>, std::ops::RangeInclusive<i64>),
        descriptions: impl IntoIterator<Item = D>,
        graph: impl Fn(&D) -> proto::Graph,
    ) -> Result<(Self, D), OnnxError> {
        let mut tensors =
            Self { form, file, names: Names::default(), left: BTreeMap::new(), precision: None };
        if opset.is_none_or(|version| !opsets.contains(&version)) {
            let (first, last) = (opsets.start(), opsets.end());
            return Err(tensors.unlike(&format!("its operator set is not one of {first} to {last}")));
        }
        let mut known: Vec<String> = vec![];
        for description in descriptions {
            let expected = graph(&description);
            let mut names = Names::default();
            if names.bind_graph(&expected, file, false) {
                tensors.names = names;
                tensors.take_in()?;
                return Ok((tensors, description));
            }
            known.extend(all_nodes(&expected).map(|node| node.op_type.clone()));
        }
        let strange =
            all_nodes(file).find(|node| !is_default(&node.domain) || !known.contains(&node.op_type));
        Err(strange.map_or_else(|| tensors.unlike(NODES), |node| operator(node, String::new())))
    }

    /// Calls the tensors of the file as the form calls them.
    fn take_in(&mut self) -> Result<(), OnnxError> {
        for tensor in &self.file.initializer {
            let Some(name) = self.names.of_form(&tensor.name) else {
                return Err(self.unlike(&format!("tensor '{}' has no place in it", tensor.name)));
            };
            if self.left.insert(name.to_string(), tensor).is_some() {
                return Err(self.unlike(&format!("the name '{}' is given twice", tensor.name)));
            }
        }
        Ok(())
    }

    /// The error about a file that is not of this form.
    pub fn unlike(&self, why: &str) -> OnnxError {
        OnnxError::Structure(format!("the network is no {} of indelible: {why}", self.form))
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

    /// Shape of the matrix `name`, which stays.
    pub fn shape(&self, name: &str) -> Result<[usize; 2], OnnxError> {
        match self.dims(name)?[..] {
            [a, b] => Ok([a, b]),
            _ => Err(self.unlike(&format!("'{name}' is no matrix"))),
        }
    }

    /// The length of the vector `name`, which stays.
    pub fn length(&self, name: &str) -> Result<usize, OnnxError> {
        match self.dims(name)?[..] {
            [length] => Ok(length),
            _ => Err(self.unlike(&format!("'{name}' is no vector"))),
        }
    }

    fn dims(&self, name: &str) -> Result<Vec<usize>, OnnxError> {
        dims(self.left.get(name).ok_or_else(|| self.unlike(&format!("'{name}' is missing")))?)
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

    /// A matrix of stored rows: bytes with the table `levels` where `coded`, or
    /// numbers.
    pub fn rows(&mut self, name: &str, shape: [usize; 2], coded: bool) -> Result<Features, OnnxError> {
        if coded {
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

    /// Checks that no tensor is left and that the file declares its values as
    /// `expected` does.
    pub fn finish(&self, expected: &proto::Graph) -> Result<(), OnnxError> {
        if let Some(tensor) = self.left.values().next() {
            return Err(self.unlike(&format!("tensor '{}' has no place in it", tensor.name)));
        }
        if Names::default().bind_graph(expected, self.file, true) { Ok(()) } else { Err(self.unlike(NODES)) }
    }
}

const NODES: &str = "its nodes, inputs or outputs are not those of its form";

/// The nodes of a graph and of those inside its nodes.
pub(super) fn all_nodes(graph: &proto::Graph) -> impl Iterator<Item = &proto::Node> {
    graph.node.iter().flat_map(|node| {
        let inside = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
        std::iter::once(node).chain(inside.flat_map(|graph| &graph.node))
    })
}

/// Which name of a form is which name of a file, one for one.
#[derive(Default)]
struct Names<'a> {
    of_file: BTreeMap<String, &'a str>,
    of_form: BTreeMap<&'a str, String>,
}

impl<'a> Names<'a> {
    /// What the form calls a value that the file calls `name`.
    fn of_form(&self, name: &str) -> Option<&str> {
        self.of_form.get(name).map(String::as_str)
    }

    /// Takes two names for one, unless either is known as another.
    fn bind(&mut self, form: &str, file: &'a str) -> bool {
        let new = !self.of_file.contains_key(form) && !self.of_form.contains_key(file);
        if new {
            self.of_file.insert(form.into(), file);
            self.of_form.insert(file, form.into());
        }
        form.is_empty() == file.is_empty() && self.of_file.get(form) == Some(&file)
    }

    fn bind_all(&mut self, form: &[String], file: &'a [String]) -> bool {
        form.len() == file.len() && form.iter().zip(file).all(|(form, file)| self.bind(form, file))
    }

    /// Whether the two graphs are one but for the names of values and nodes,
    /// and for what they declare of values unless `declared`.
    fn bind_graph(&mut self, form: &proto::Graph, file: &'a proto::Graph, declared: bool) -> bool {
        file.sparse_initializer.is_empty()
            && self.bind_values(&form.input, &file.input, declared)
            && form.node.len() == file.node.len()
            && form.node.iter().zip(&file.node).all(|(a, b)| self.bind_node(a, b, declared))
            && self.bind_values(&form.output, &file.output, declared)
    }

    fn bind_values(
        &mut self,
        form: &[proto::ValueInfo],
        file: &'a [proto::ValueInfo],
        declared: bool,
    ) -> bool {
        let mut same = |(a, b): (&proto::ValueInfo, &'a proto::ValueInfo)| {
            (!declared || a.r#type == b.r#type) && self.bind(&a.name, &b.name)
        };
        form.len() == file.len() && form.iter().zip(file).all(&mut same)
    }

    fn bind_node(&mut self, form: &proto::Node, file: &'a proto::Node, declared: bool) -> bool {
        form.op_type == file.op_type
            && is_default(&file.domain)
            && form.attribute.len() == file.attribute.len()
            && form.attribute.iter().zip(&file.attribute).all(|(a, b)| self.bind_attribute(a, b, declared))
            && self.bind_all(&form.input, &file.input)
            && self.bind_all(&form.output, &file.output)
    }

    fn bind_attribute(
        &mut self,
        form: &proto::Attribute,
        file: &'a proto::Attribute,
        declared: bool,
    ) -> bool {
        match (&form.g, &file.g) {
            // The body of a Scan holds no tensors of its own.
            (Some(a), Some(b)) => {
                form.name == file.name && b.initializer.is_empty() && self.bind_graph(a, b, declared)
            }
            _ => form == file,
        }
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

/// The format that the one input of `file` is declared in.
pub(super) fn declared_precision(file: &proto::Graph) -> Precision {
    let tensor = file.input.first().and_then(|input| input.r#type.as_ref()?.tensor_type.as_ref());
    if tensor.is_some_and(|tensor| tensor.elem_type == data_type::DOUBLE) {
        Precision::F64
    } else {
        Precision::F32
    }
}

/// The error about one tensor.
pub(super) fn wrong(tensor: &proto::Tensor, why: String) -> OnnxError {
    OnnxError::Tensor { name: tensor.name.clone(), why }
}
