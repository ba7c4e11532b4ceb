"""Phone-number configuration as code: declare it, plan the difference, apply only that."""

__version__ = "0.1.0"
