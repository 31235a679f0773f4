"""Keep the checkpoints of logs, and sign those that continue the last one."""
