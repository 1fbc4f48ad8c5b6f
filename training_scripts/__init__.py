"""Training scripts: one folder per problem."""
