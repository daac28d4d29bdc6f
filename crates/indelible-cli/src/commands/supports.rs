//! `indelible supports`: what `verify` can be asked.

use clap::Args;

use super::prelude::*;

/// Arguments of `supports`: one capability of the VNN-LIB standard.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct SupportsArgs {
    /// First and last operator set of ONNX
    #[arg(long)]
    onnx_opset_versions: bool,
    /// Types of elements
    #[arg(long)]
    onnx_element_types: bool,
    /// Operators of ONNX
    #[arg(long)]
    onnx_operators: bool,
    /// First and last version of VNN-LIB
    #[arg(long)]
    vnnlib_versions: bool,
    /// Whether values within a network can be asked about
    #[arg(long)]
    hidden_node_theories: bool,
    /// How many inputs and outputs a network may have
    #[arg(long, alias = "multiple-inputs-output-theories")]
    multiple_input_output_theories: bool,
    /// How many networks a query may be about
    #[arg(long)]
    multiple_network_theories: bool,
    /// What may be compared
    #[arg(long)]
    multiple_node_comparison_theories: bool,
    /// What arithmetic a query may have
    #[arg(long)]
    arithmetic_complexity_theories: bool,
    /// Whether alternatives are more than written out
    #[arg(long)]
    optimised_disjunctive_reasoning: bool,
    /// Whether points can be written as files of tensors
    #[arg(long)]
    serialise_assignments: bool,
    /// Whether proofs are written
    #[arg(long)]
    unsat_proofs: bool,
}

/// Operators that are understood, as docs/onnx.md lists them.
const OPERATORS: &str = "Abs Add AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv Div Dropout Expand Flatten Gather Gemm GlobalAveragePool GlobalMaxPool Identity LeakyRelu MatMul Max MaxPool Min Mul Neg PRelu Pad ReduceMax ReduceMean ReduceSum Relu Reshape Shape Slice Split Squeeze Sub Sum Transpose Unsqueeze";

impl SupportsArgs {
    pub fn run(self) -> Result<(), Failure> {
        let lines = if self.onnx_opset_versions {
            "7 28"
        } else if self.onnx_element_types {
            "float32 float64 real"
        } else if self.onnx_operators {
            OPERATORS
        } else if self.vnnlib_versions {
            "1.0 2.0"
        } else if self.hidden_node_theories {
            "NH"
        } else if self.multiple_input_output_theories {
            "SIO"
        } else if self.multiple_network_theories {
            "SNET MNET MENET"
        } else if self.multiple_node_comparison_theories {
            "MNC"
        } else if self.arithmetic_complexity_theories {
            "LIN"
        } else {
            // Disjunctive reasoning, assignments as files, written proofs.
            "false"
        };
        print(&(lines.replace(' ', "\n") + "\n"))
    }
}
