//! The registers' calls, served.

crate::directory_calls!(crate::registers::directory::service::Calls);
