"""The mark of a test that holds for our engine and is proven to fail on the stock pair."""

import pytest


def beside(stock: str, *, always: bool = True) -> pytest.MarkDecorator:
    """Run a test on our engine and on the stock pair that a fixture named `stock` starts.

    Not `always`: a defect that shows by time, so that a busy machine can hide it.
    """
    fails = pytest.mark.xfail(
        strict=always,
        raises=(AssertionError, EOFError, TimeoutError),
        reason="stock WsgiDAV and cheroot have this defect",
    )
    theirs = pytest.param(stock, marks=[pytest.mark.slow, fails])
    return pytest.mark.parametrize("address", ["ours", theirs], indirect=True)


both = beside("stock")
