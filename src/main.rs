//! The `qinlian` program.

fn main() -> std::process::ExitCode {
    qinlian::cli::main()
}
