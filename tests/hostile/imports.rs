//! What the program could ask the system for at all: the functions that it takes from the C library. There is none among
//! them that opens a socket or starts a program, so no input can bring it to do so.
#![cfg(all(target_os = "linux", target_pointer_width = "64", target_endian = "little"))]

use std::fs;

/// A 64-bit ELF file.
struct Elf(Vec<u8>);

impl Elf {
    fn number(&self, at: usize, octets: usize) -> usize {
        self.0[at..at + octets].iter().rev().fold(0, |number, &octet| number << 8 | usize::from(octet))
    }

    /// Kind, link to another section, place and length of each section.
    fn sections(&self) -> Vec<(usize, usize, usize, usize)> {
        let (at, each, all) = (self.number(0x28, 8), self.number(0x3a, 2), self.number(0x3c, 2));
        let section = |n| {
            let at = at + n * each;
            (
                self.number(at + 4, 4),
                self.number(at + 0x28, 4),
                self.number(at + 0x18, 8),
                self.number(at + 0x20, 8),
            )
        };
        (0..all).map(section).collect()
    }

    /// Names that are looked for in other libraries when the program starts.
    fn imports(&self) -> Vec<String> {
        const DYNAMIC_SYMBOLS: usize = 11;
        const SYMBOL: usize = 24;
        let sections = self.sections();
        let symbols = sections.iter().filter(|(kind, ..)| *kind == DYNAMIC_SYMBOLS);
        let names = symbols.flat_map(|&(_, names, at, len)| {
            let names = sections[names].2;
            let undefined = (at..at + len).step_by(SYMBOL).filter(|at| self.number(at + 6, 2) == 0);
            undefined.map(move |at| {
                let name = self.0[names + self.number(at, 4)..].split(|octet| *octet == 0).next();
                String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
            })
        });
        names.collect()
    }
}

#[test]
fn the_program_has_no_function_that_opens_a_socket() {
    const MEANS: &[&str] = &[
        "socket",
        "socketpair",
        "connect",
        "bind",
        "listen",
        "accept",
        "accept4",
        "getaddrinfo",
        "gethostbyname",
        "send",
        "sendto",
        "sendmsg",
        "recv",
        "recvfrom",
        "recvmsg",
        "fork",
        "vfork",
        "execv",
        "execve",
        "execvp",
        "posix_spawn",
        "posix_spawnp",
        "system",
        "popen",
        "dlopen",
    ];
    if cfg!(feature = "object_store") {
        return;
    }
    let program = Elf(fs::read(env!("CARGO_BIN_EXE_cwait-pcap")).unwrap());
    let imports = program.imports();
    for needed in ["read", "write", "mmap", "exit"] {
        assert!(imports.iter().any(|name| name.starts_with(needed)), "{needed} is not among {imports:?}");
    }
    let found: Vec<_> = imports.iter().filter(|name| MEANS.contains(&name.as_str())).collect();
    assert!(found.is_empty(), "{found:?}");
}
