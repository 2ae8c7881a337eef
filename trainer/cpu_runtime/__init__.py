"""Lite on a CPU by OpenVINO instead of torch (imports no torch; docs/adr/0040-cpu-runtime.md)."""
