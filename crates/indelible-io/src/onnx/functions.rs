//! Functions that a model defines: each call is replaced by the nodes that it stands for.

use std::collections::HashMap;

use super::{
    OnnxError,
    graph::{is_default, operator},
    proto::{Attribute, Function, Graph, Node, OperatorSet},
};

/// Nodes that calls may become, at most.
const MOST_NODES: usize = 1 << 20;
/// Calls within calls, at most.
const MOST_DEPTH: usize = 64;

/// Replaces the calls in `graph`; `opsets` are those of the model.
pub(super) fn inline(
    graph: &mut Graph,
    functions: &[Function],
    opsets: &[OperatorSet],
) -> Result<(), OnnxError> {
    if functions.is_empty() {
        return Ok(());
    }
    let mut by_name = HashMap::new();
    for function in functions {
        if is_default(&function.domain) {
            let what = format!("the model defines the standard operator {} anew", function.name);
            return Err(OnnxError::Structure(what));
        }
        let key = (function.domain.as_str(), function.name.as_str(), function.overload.as_str());
        if by_name.insert(key, function).is_some() {
            let what = format!("the function {}.{} is defined twice", function.domain, function.name);
            return Err(OnnxError::Structure(what));
        }
    }
    let mut inliner = Inliner { by_name, opsets, calls: 0, nodes: vec![] };
    for node in std::mem::take(&mut graph.node) {
        inliner.add(node, 0)?;
    }
    graph.node = inliner.nodes;
    Ok(())
}

struct Inliner<'f> {
    by_name: HashMap<(&'f str, &'f str, &'f str), &'f Function>,
    opsets: &'f [OperatorSet],
    /// How many calls were replaced, which makes names that no other has.
    calls: usize,
    nodes: Vec<Node>,
}

impl Inliner<'_> {
    /// Adds a node, or what it calls.
    fn add(&mut self, node: Node, depth: usize) -> Result<(), OnnxError> {
        let key = (node.domain.as_str(), node.op_type.as_str(), node.overload.as_str());
        let Some(&function) = self.by_name.get(&key) else {
            if self.nodes.len() >= MOST_NODES {
                return Err(OnnxError::Structure(format!(
                    "its functions come to more than {MOST_NODES} nodes"
                )));
            }
            self.nodes.push(node);
            return Ok(());
        };
        if depth >= MOST_DEPTH || self.calls >= MOST_NODES {
            return Err(operator(&node, ", a function whose calls do not end".into()));
        }
        self.check(&node, function)?;
        self.calls += 1;
        let prefix =
            format!("{}/{}/", if node.name.is_empty() { &node.op_type } else { &node.name }, self.calls);
        let outside = node.input.iter().chain(&node.output);
        let names: HashMap<&str, &str> = function
            .input
            .iter()
            .chain(&function.output)
            .map(String::as_str)
            .zip(
                outside
                    .map(String::as_str)
                    .take(node.input.len())
                    .chain(std::iter::repeat_n("", function.input.len().saturating_sub(node.input.len())))
                    .chain(node.output.iter().map(String::as_str)),
            )
            .collect();
        let named = |name: &String| match names.get(name.as_str()) {
            _ if name.is_empty() => String::new(),
            // An output that the call does not use needs a name still.
            Some(outer) if !outer.is_empty() || function.input.contains(name) => (*outer).to_owned(),
            _ => format!("{prefix}{name}"),
        };
        for inner in &function.node {
            let attribute = inner.attribute.iter().filter_map(|attribute| given(attribute, &node, function));
            let mut made = Node {
                input: inner.input.iter().map(named).collect(),
                output: inner.output.iter().map(named).collect(),
                name: format!("{prefix}{}", inner.name),
                attribute: attribute.collect(),
                ..inner.clone()
            };
            while made.input.last().is_some_and(String::is_empty) {
                made.input.pop();
            }
            self.add(made, depth + 1)?;
        }
        Ok(())
    }

    /// That a call fits its function, whose operators mean what they mean in the model.
    fn check(&self, node: &Node, function: &Function) -> Result<(), OnnxError> {
        if node.input.len() > function.input.len() || node.output.len() > function.output.len() {
            return Err(operator(node, ", a function of fewer inputs or outputs".into()));
        }
        if let Some(output) = function.output.iter().find(|output| function.input.contains(output)) {
            return Err(operator(node, format!(", a function whose output '{output}' is an input")));
        }
        let version = |sets: &[OperatorSet], domain: &str| {
            let plain = |domain: &str| if domain == "ai.onnx" { String::new() } else { domain.to_owned() };
            sets.iter().find(|set| plain(&set.domain) == plain(domain)).map(|set| set.version)
        };
        let own = version(&function.opset_import, "");
        if own.is_some() && own != version(self.opsets, "") {
            return Err(operator(node, format!(", a function in operator set {}", own.unwrap_or(0))));
        }
        let graphs = function.node.iter().flat_map(|node| &node.attribute);
        if graphs.into_iter().any(|attribute| attribute.g.is_some()) {
            return Err(operator(node, ", a function with graphs in its nodes".into()));
        }
        Ok(())
    }
}

/// An attribute of a node in a function as a call has it; `None` where it gives none.
fn given(attribute: &Attribute, call: &Node, function: &Function) -> Option<Attribute> {
    if attribute.ref_attr_name.is_empty() {
        return Some(attribute.clone());
    }
    let all = call.attribute.iter().chain(&function.attribute_proto);
    let found = all.into_iter().find(|given| given.name == attribute.ref_attr_name)?;
    Some(Attribute { name: attribute.name.clone(), ..found.clone() })
}
