//! The calls of `AttendanceService`.
