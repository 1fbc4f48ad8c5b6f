"""Data scripts: one folder per problem."""
