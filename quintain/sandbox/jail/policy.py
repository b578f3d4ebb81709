"""Which system calls a snippet may make.

Everything not named here fails with ENOSYS, because the C library probes for new calls and falls back only on that
error. Calls known to be dangerous fail with EPERM, so that the snippet's traceback says "not permitted". Landlock and
the mount namespace confine the file calls that are allowed; what they do not cover (chmod, sockets, signals) is
refused here.
"""

from __future__ import annotations

__all__ = ["ALLOWED", "ARGUMENT_CHECKED", "REFUSED", "SUBPROCESS_ALLOWED"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALLOWED = _names(
    """
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2
    dup3 open openat openat2 creat stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2
    readlink readlinkat getdents getdents64 getcwd chdir fchdir umask mkdir mkdirat rmdir unlink unlinkat rename
    renameat renameat2 symlink symlinkat link linkat ftruncate truncate fallocate fsync fdatasync
    sync_file_range flock fadvise64 mmap munmap mprotect mremap madvise brk msync futex set_robust_list rseq
    set_tid_address membarrier rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend
    rt_sigtimedwait sigaltstack restart_syscall gettimeofday time clock_gettime clock_getres clock_nanosleep
    nanosleep times alarm getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun
    timer_delete pause poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
    epoll_pwait2 eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime pipe pipe2 getrandom getpid
    getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid getsid getrlimit
    getrusage getcpu sysinfo uname sched_yield sched_getaffinity sched_getparam sched_getscheduler
    sched_get_priority_max sched_get_priority_min arch_prctl capget getpriority wait4 waitid exit exit_group
    """
)
"""Calls that are always allowed."""

REFUSED = _names(
    """
    execve execveat ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd pidfd_send_signal kcmp
    mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr unshare
    setns name_to_handle_at open_by_handle_at mknod mknodat setuid setgid setreuid setregid setresuid setresgid
    setgroups setfsuid setfsgid capset setsid setpgid chmod fchmod fchmodat fchmodat2 chown fchown lchown
    fchownat utime utimes utimensat futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
    bpf perf_event_open keyctl add_key request_key userfaultfd memfd_create memfd_secret shmget shmat shmctl
    shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend
    mq_timedreceive mq_notify mq_getsetattr inotify_init inotify_init1 inotify_add_watch fanotify_init
    fanotify_mark setrlimit setpriority sched_setaffinity sched_setscheduler sched_setattr sched_setparam
    ioprio_set personality landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp reboot
    swapon swapoff sethostname setdomainname init_module finit_module delete_module kexec_load kexec_file_load
    settimeofday clock_settime clock_adjtime adjtimex acct quotactl syslog vhangup iopl ioperm lookup_dcookie
    mlock mlock2 mlockall rt_sigqueueinfo rt_tgsigqueueinfo tkill process_madvise process_mrelease
    """
)
"""Calls that fail with EPERM rather than ENOSYS, for the sake of a clear message."""

ARGUMENT_CHECKED = ("clone", "kill", "tgkill", "prlimit64", "socketpair", "socket", "ioctl", "prctl", "fcntl")
"""Calls allowed for some arguments only; see ``seccomp.argument_rules``."""

SUBPROCESS_ALLOWED = _names("fork vfork execve execveat setsid setpgid kill tkill rt_sigqueueinfo rt_tgsigqueueinfo")
"""What ``allow_subprocess`` adds; only with a process namespace of its own around the snippet."""
