"""`hard --cnf` and `decide` against a SAT solver: a network of width 2 exists exactly when the formula has an
assignment under which no clause is all true or all false."""

import random

import pytest
from pysat.solvers import Cadical153


def formula(seed):
    """A random formula around the density where about half of them have such an assignment."""
    rng = random.Random(seed)
    variables = rng.randint(3, 6)
    clauses = []
    for _ in range(rng.randint(variables, 3 * variables)):
        width = rng.choice((2, 3, 3, 3))
        chosen = rng.sample(range(1, variables + 1), width)
        clauses.append([v if rng.random() < 0.5 else -v for v in chosen])
    return variables, clauses


def dimacs(variables, clauses):
    lines = [f"p cnf {variables} {len(clauses)}"] + [" ".join(map(str, [*clause, 0])) for clause in clauses]
    return "c not all equal\n" + "\n".join(lines) + "\n"


def not_all_equal(clauses):
    """Whether a SAT solver finds an assignment: every clause and its complement hold."""
    both = clauses + [[-literal for literal in clause] for clause in clauses]
    with Cadical153(bootstrap_with=both) as solver:
        return solver.solve()


SEEDS = range(60)


def test_both_answers_occur():
    answers = [not_all_equal(formula(seed)[1]) for seed in SEEDS]
    assert 15 <= sum(answers) <= 45


@pytest.mark.parametrize("seed", SEEDS)
def test_decide_says_what_the_sat_solver_says(program, tmp_path, seed):
    variables, clauses = formula(seed)
    cnf, data, net = tmp_path / "f.cnf", tmp_path / "f.npz", tmp_path / "f.onnx"
    cnf.write_text(dimacs(variables, clauses))
    assert program("hard", "--cnf", cnf, "-o", data).code == 0
    decided = program("decide", data, "--width", "2", "--radius", "0", "-o", net).json
    assert decided["answer"] == ("yes" if not_all_equal(clauses) else "no")
    assert net.exists() == (decided["answer"] == "yes")
    if net.exists():
        decoded = program("hard", "--cnf", cnf, "--decode", net).json
        assert decoded["checked"] is True
        values = decoded["assignment"]
        assert len(values) == variables
        for clause in clauses:
            assert {values[abs(literal) - 1] == (literal > 0) for literal in clause} == {True, False}
