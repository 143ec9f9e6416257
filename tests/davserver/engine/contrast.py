"""The mark of a test that holds for our engine and is proven to fail on the stock pair."""

import pytest

both = pytest.mark.parametrize(
    "address",
    [
        "ours",
        pytest.param(
            "stock",
            marks=[
                pytest.mark.slow,
                pytest.mark.xfail(
                    strict=True,
                    raises=(AssertionError, EOFError, TimeoutError),
                    reason="stock WsgiDAV and cheroot have this defect",
                ),
            ],
        ),
    ],
    indirect=True,
)
