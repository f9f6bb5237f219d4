"""The paper's mixed-integer programs: a network as a program."""
