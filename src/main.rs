//! The executable: an allocator and an exit code around [`obs_gateway::cli`].

use std::process::ExitCode;

/// Request buffers come and go on every thread; mimalloc frees across threads without a lock.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    obs_gateway::cli::main(std::env::args_os())
}
