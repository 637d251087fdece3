"""The rules, pure: functions of values, without await, clock, randomness or sockets."""
