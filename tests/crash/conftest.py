"""The crash tests run for the platforms of the conformance suite."""

from tests.conformance.conftest import connection as connection
from tests.conformance.conftest import pytest_generate_tests as pytest_generate_tests
