package child

// sigsetSize is the size of the kernel's sigset_t in bytes. On MIPS it is 16,
// and the calls that say 8 there fail.
const sigsetSize = 8
