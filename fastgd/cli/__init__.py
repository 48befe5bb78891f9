"""The command `fastgd`: what is typed, and a verb a file. May import everything below."""
