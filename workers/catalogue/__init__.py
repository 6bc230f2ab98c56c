"""Terraform modules and Ansible roles as contracts, and inputs checked against them."""

from workers.catalogue.describe import describe_type
from workers.catalogue.reading import read_catalogue, read_contract
from workers.catalogue.schema import contract_schema
from workers.catalogue.type_expressions import render_type
from workers.catalogue.validation import check_inputs, validate_inputs
from workers.catalogue.values import is_reference

__all__ = [
    "check_inputs",
    "contract_schema",
    "describe_type",
    "is_reference",
    "read_catalogue",
    "read_contract",
    "render_type",
    "validate_inputs",
]
