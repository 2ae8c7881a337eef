"""The subcommands that work without a window, one module each (no Qt)."""
