from pathlib import PurePosixPath

import pytest

from daydrop.records.scope import NOWHERE, Scope

STORED = [
    (Scope.drive("local", ""), "drive:local:"),
    (Scope.drive("10.0.0.1|rclone", "Camera/May"), "drive:10.0.0.1|rclone:Camera/May"),
    (Scope.batch("b1", "DCIM"), "batch:b1:DCIM"),
    (Scope.batch(None, ""), "batch:None:"),
    (Scope.imported("/home/me"), "import:/home/me"),
    (Scope.found(PurePosixPath("images/2024/05/17")), "found:images/2024/05/17"),
    (NOWHERE, ""),
]


@pytest.mark.parametrize(("scope", "text"), STORED)
def test_a_scope_is_stored_as_0_1_0_stored_it_and_read_back_the_same(scope, text):
    assert str(scope) == text
    assert Scope.parse(text) == scope


def test_only_files_of_the_tree_without_a_row_are_found():
    assert [scope.is_found for scope, _ in STORED] == [False] * 5 + [True, False]
