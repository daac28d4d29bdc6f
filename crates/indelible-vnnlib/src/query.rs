//! A query in its checked form: variables, and constraints as alternatives of
//! linear inequalities.

use std::{cmp::Ordering, collections::BTreeMap, fmt};

use dashu_ratio::RBig;

use crate::number::exact;

/// A version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Version {
    /// VNN-LIB 1.0: `X_0`, `Y_0`, one network without a name.
    V1,
    /// VNN-LIB 2.0: declared networks, tensors with shapes.
    V2,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
        })
    }
}

/// What a tensor is to its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// What the network reads.
    Input,
    /// A value within the network.
    Hidden,
    /// What the network gives.
    Output,
}

/// A tensor of variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name; `X` and `Y` in version 1.0.
    pub name: String,
    /// What it is to its network.
    pub role: Role,
    /// The type of its elements, as written: `float32`, `real`, …; `Real` in
    /// version 1.0.
    pub element: String,
    /// Its shape; no dimension for a single number.
    pub shape: Vec<usize>,
    /// The name in the file of the network, where one is given.
    pub onnx_name: Option<String>,
}

impl Tensor {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a network shares with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kinship {
    /// It is the same network.
    Equal,
    /// It has the same structure and other numbers.
    Isomorphic,
}

/// A network that a query is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkDeclaration {
    /// Its name; empty in version 1.0.
    pub name: String,
    /// The network that it resembles, by its place in the query.
    pub kinship: Option<(Kinship, usize)>,
    /// Its tensors as declared, by their place in the query.
    pub tensors: Vec<usize>,
}

/// An element of a tensor: the place of the tensor in the query and of the
/// element in row-major order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable {
    /// Which tensor.
    pub tensor: usize,
    /// Which element.
    pub element: usize,
}

/// `Σ a_v v ≤ b`, or `< b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Coefficients that are not 0, by variable.
    pub terms: BTreeMap<Variable, RBig>,
    /// `b`.
    pub bound: RBig,
    /// Whether equality is excluded.
    pub strict: bool,
}

impl Constraint {
    /// Whether it holds at `Σ a_v v = sum`.
    #[must_use]
    pub fn admits(&self, sum: &RBig) -> bool {
        match sum.cmp(&self.bound) {
            Ordering::Less => true,
            Ordering::Equal => !self.strict,
            Ordering::Greater => false,
        }
    }

    /// What it says where no variable is left in it.
    #[must_use]
    pub fn constant(&self) -> Option<bool> {
        self.terms.is_empty().then(|| self.admits(&RBig::ZERO))
    }
}

/// A query: is there an assignment of the inputs for which all of `common` and
/// all of one of `alternatives` hold, the other variables being what the networks
/// compute?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The version it was written in.
    pub version: Version,
    /// The networks; at least one.
    pub networks: Vec<NetworkDeclaration>,
    /// All tensors.
    pub tensors: Vec<Tensor>,
    /// What holds in every alternative.
    pub common: Vec<Constraint>,
    /// The alternatives; one without constraints where there is no choice, none
    /// where no assignment can be one.
    pub alternatives: Vec<Vec<Constraint>>,
}

impl Query {
    /// The tensors of a network that have a role, with their places.
    pub fn tensors_of(&self, network: usize, role: Role) -> impl Iterator<Item = (usize, &Tensor)> {
        let places = self.networks.get(network).map_or(&[][..], |network| &network.tensors);
        let all = places.iter().filter_map(|&place| Some((place, self.tensors.get(place)?)));
        all.filter(move |(_, tensor)| tensor.role == role)
    }

    /// Whether an assignment answers the query with yes, where `value` gives the
    /// exact value of each variable.
    pub fn holds(&self, value: &dyn Fn(Variable) -> RBig) -> bool {
        self.holds_within(&|variable| {
            let value = value(variable);
            [value.clone(), value]
        })
    }

    /// The query with `by` added to the bound of every constraint: what a replay with
    /// that tolerance admits. A number that is not finite changes nothing.
    #[must_use]
    pub fn loosened(&self, by: f64) -> Self {
        let by = exact(by).unwrap_or_default();
        let mut query = self.clone();
        let all = query.common.iter_mut().chain(query.alternatives.iter_mut().flatten());
        all.for_each(|constraint| constraint.bound += &by);
        query
    }

    /// Whether every assignment does whose values lie in the ranges that `range`
    /// gives, each alternative taken alone.
    pub(crate) fn holds_within(&self, range: &dyn Fn(Variable) -> [RBig; 2]) -> bool {
        let holds = |constraint: &Constraint| {
            let largest = constraint.terms.iter().map(|(&variable, a)| {
                let [lower, upper] = range(variable);
                a * if *a > RBig::ZERO { upper } else { lower }
            });
            constraint.admits(&largest.fold(RBig::ZERO, |sum, term| sum + term))
        };
        self.common.iter().all(holds) && self.alternatives.iter().any(|all| all.iter().all(holds))
    }
}
