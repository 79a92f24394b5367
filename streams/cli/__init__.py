"""The command line: `rollcall up` and what people type beside it. Heavy imports wait inside the commands."""
