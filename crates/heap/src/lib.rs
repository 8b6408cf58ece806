//! The one call of C: it gives freed memory back to the system.

/// Gives the free pages of the heap back to the system, with glibc's `malloc_trim`; returns whether there were any.
///
/// By itself glibc gives back only what is free at the end of a heap, so the memory of a burst stays resident as long as
/// anything allocated after it lives. The call locks one heap after the other while it looks for free pages: call it
/// seldom, and not from a thread that has to answer. It does nothing where the C library is another.
#[must_use]
pub fn release_free_memory() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: `malloc_trim` takes no pointer and is thread-safe; it changes no allocation that is in use.
        unsafe { libc::malloc_trim(0) != 0 }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        false
    }
}
