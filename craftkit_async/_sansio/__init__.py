"""The rules, pure: functions of values, without await, clock, dice or sockets."""
