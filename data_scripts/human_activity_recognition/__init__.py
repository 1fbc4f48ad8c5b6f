"""Human activity recognition: public recordings become dataset folders."""
