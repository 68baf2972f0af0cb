//! Access control lists as clients write them.
