"""Validation scripts: one folder per problem."""
