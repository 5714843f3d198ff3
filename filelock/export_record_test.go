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
func RecordNow(l *Lock) { l.holds[0].record() }

const RecordAfter = recordAfter

var Ripen = ripen

// IsYoung reports whether the hold is still to be recorded.
func IsYoung(l *Lock) bool {
	young.mu.Lock()
	defer young.mu.Unlock()
	_, yes := young.holds[l.holds[0]]
	return yes
}

func HolderOf(r FileRecord) Holder { return r.holder() }
