"""Sluis: Camunda 8 job workers that each wrap one Terraform module or one Ansible role."""

__version__ = "0.1.0"
