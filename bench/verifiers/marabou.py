"""Marabou (maraboupy) with the command line of VNN-LIB 2.0: verify QUERY --network N=FILE --timeout S.

One question for every alternative of the query: sat where one of them is, unsat where all are not.
"""

import argparse
import contextlib
import io
import sys
import time
import warnings

import numpy as np
import vnnlib

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from maraboupy import Marabou, MarabouCore
    from maraboupy.MarabouUtils import Equation


def place(variable, shape):
    """The position of a tensor's element."""
    return int(np.ravel_multi_index(variable.indices, shape)) if shape else 0


def linear(comparison):
    """Terms and a bound, Σ a v ≤ bound, for a comparison that is no strict one."""
    left, right = comparison.lhs.to_linear_expr(), comparison.rhs.to_linear_expr()
    sign = {"GreaterEqual": -1.0, "GreaterThan": -1.0}.get(type(comparison).__name__, 1.0)
    terms = [(sign * t.coeff, t.var) for t in left.terms] + [(-sign * t.coeff, t.var) for t in right.terms]
    return terms, sign * (right.constant - left.constant)


def ask(file, alternative, seconds):
    """Marabou's answer to one alternative, and the values of inputs and outputs."""
    network = Marabou.read_onnx(file)
    inputs, outputs = (np.array(v).flatten() for v in (network.inputVars, network.outputVars))
    for comparison in alternative:
        terms, bound = linear(comparison)
        known = []
        for a, v in terms:
            side = inputs if v.kind == vnnlib.SymbolKind.Input else outputs
            known.append((a, side[place(v, v.shape)]))
        if len(known) == 1 and known[0][1] in inputs:
            ((a, variable),) = known
            set_bound = network.setUpperBound if a > 0 else network.setLowerBound
            set_bound(variable, bound / a)
            continue
        equation = Equation(MarabouCore.Equation.LE)
        for a, variable in known:
            equation.addAddend(a, variable)
        equation.setScalar(bound)
        network.addEquation(equation)
    options = Marabou.createOptions(verbosity=0, timeoutInSeconds=max(1, int(seconds)))
    answer, values, _ = network.solve(verbose=False, options=options)
    points = [[values[v] for v in side] for side in (inputs, outputs)] if answer == "sat" else None
    return answer, points


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["verify"])
    parser.add_argument("query")
    parser.add_argument("--network", required=True)
    parser.add_argument("--timeout", type=float, default=60)
    arguments = parser.parse_args()
    query = vnnlib.parse_query_file(arguments.query)
    file = arguments.network.split("=", 1)[1]
    alternatives = [[]]
    for assertion in query.assertions:
        alternatives = [known + own for known in alternatives for own in assertion.expr.to_dnf()]
    started, answers = time.monotonic(), []
    for alternative in alternatives:
        left = arguments.timeout - (time.monotonic() - started)
        if left <= 0:
            answers.append("TIMEOUT")
            break
        with contextlib.redirect_stdout(io.StringIO()):
            answer, points = ask(file, alternative, left)
        answers.append(answer)
        if answer == "sat":
            (network,) = query.networks
            print("sat")
            for tensor, values in zip([network.inputs[0], network.outputs[0]], points, strict=True):
                print(tensor.name, "float32", "[" + ",".join(map(str, tensor.shape)) + "]")
                print("\n".join(f"{v:.20f}" for v in values))
            return
    if all(answer == "unsat" for answer in answers):
        print("unsat")
    else:
        print("timed-out" if "TIMEOUT" in answers else "unknown")


if __name__ == "__main__":
    sys.exit(main())
