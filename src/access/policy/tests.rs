//! The grammar, line by line, and what policies decide.
