"""The faults of the catalogue on endpoints: requests to the addresses that `--targets` names, and nothing else.

The engines behind them are unknown: the parameters have wider bounds than those of the deployment on this machine.
"""
