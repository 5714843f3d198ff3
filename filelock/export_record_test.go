package filelock

// FileRecord is what an exclusive holder writes into the lock file.
type FileRecord = record

const MaxRecord = maxRecord

var (
	ParseRecord = parseRecord
	Self        = self
)

func EncodeRecord(r FileRecord) []byte { return r.encode() }
func MayHold(r FileRecord) bool        { return r.mayHold() }

// The steps of recording, for a Lock that is held.
func Withdraw(l *Lock)  { l.holds[0].withdraw() }
func RecordNow(l *Lock) { l.holds[0].recordNow() }

func HolderOf(r FileRecord) Holder { return r.holder() }
