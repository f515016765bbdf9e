//! The registers' calls, served.

crate::directory_calls!(crate::registers::directory::service::Calls);
crate::attendance_calls!(crate::registers::attendance::service::Calls);
crate::roster_calls!(crate::registers::roster::service::Calls);
crate::duty_calls!(crate::registers::duty::service::Calls);
crate::audit_calls!(crate::registers::audit::service::Calls);
