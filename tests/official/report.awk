# Reads the output of one unit of the suite after the list of expectations, and
# judges it. Writes one line per finding to stdout, and the totals
# "passed failed skipped" to the file named by `totals`.
#
# Variables: unit, totals, status (exit status of the suite's process),
#            limit (seconds, for the message), uncut (file of lines that were to be
#            cut out of the unit, which has no such).

BEGIN { FS = " \\| " }

# First file: kind | unit | test | reason
FILENAME == ARGV[1] {
	if ($0 ~ /^#/ || $0 !~ /[^ ]/) next
	if ($2 != unit) next
	sub(/ +$/, "", $3)
	if ($1 == "fail") expect[$3] = $4
	else if ($1 == "skip") skip[$3] = $4
	else if ($1 == "abort") aborts[$3] = $4
	next
}

/^\[ok\]: / {
	name = substr($0, 7); sub(/ \([0-9]+ ms\)$/, "", name)
	ok[name]++; last = name; next
}
/^\[err\]: / {
	name = substr($0, 8)
	if (name ~ / in tests\/.*\.tcl$/) {
		sub(/ in tests\/[^ ]*\.tcl$/, "", name)
		if (!(name in err)) failure[++nfailures] = name
		err[name]++; last = name; detail_of = name
	} else {
		# An error outside of every test ended a block of them.
		abort("error between tests: " name)
	}
	lines = 0; next
}
/^\[skip\]: / { name = substr($0, 9); skipped[name]++; detail_of = ""; next }
/^\[ignore\]: / { name = substr($0, 11); sub(/: [^:]*$/, "", name); ignored[name]++; detail_of = ""; next }
/^\[exception\]: / { abort("exception: " substr($0, 14)); lines = 0; next }
/^\[TIMEOUT\]/ { hung = 1; next }
hung && /\(IN PROGRESS\)/ { sub(/^.*\(IN PROGRESS\) /, ""); abort("no progress in: " $0); hung = 0; next }
/^\[[0-9]+\/[0-9]+ done\]: / { done = 1; detail_of = ""; next }
/^\[|^=+$|^Cleanup|The End/ { detail_of = ""; next }
detail_of != "" && lines++ < 5 { detail[detail_of] = detail[detail_of] "\n      " $0 }

# Only the first end counts: the suite trips over itself after it.
function abort(what) {
	detail_of = ""
	if (naborted) return
	sub(/ +$/, "", what)
	aborted[++naborted] = what
	detail_of = what
}

function complain(text) { print "  " text; bad++ }

END {
	if (!done && !naborted)
		abort((status == 124 || status == 137 ? "stopped after " limit " s" : "ended early with status " status) ", last test: " (last == "" ? "none" : last))

	for (i = 1; i <= nfailures; i++) {
		name = failure[i]
		if (name in expect) { known++; continue }
		complain("FAILED  fail | " unit " | " name " | " detail[name]); failed++
	}
	for (i = 1; i <= naborted; i++) {
		if (aborted[i] in aborts) { known++; continue }
		complain("ABORTED abort | " unit " | " aborted[i] " | " detail[aborted[i]]); failed++
	}
	for (name in ok) if (!(name in err)) {
		if (name in expect) { complain("PASSES although listed: fail | " unit " | " name " | " expect[name]); failed++ }
		else passed++
	}
	while ((getline line <uncut) > 0) { complain("LISTED, but the unit has no such line: cut | " unit " | " line); failed++ }
	# What the list names has to exist, or the list says something untrue.
	if (!naborted) {
		for (name in expect) if (!(name in ok) && !(name in err) && !(name in ignored))
			{ complain("LISTED, but no such test ran: fail | " unit " | " name); failed++ }
		for (name in skip) if (!(name in skipped) && !(name in ignored))
			{ complain("LISTED, but no such test was met: skip | " unit " | " name); failed++ }
		for (what in aborts)
			{ complain("LISTED, but the unit did not abort so: abort | " unit " | " what); failed++ }
	}
	for (name in skipped) nskipped++
	for (name in ignored) nskipped++
	printf "%d %d %d\n", passed, failed, nskipped + known > totals
	exit bad ? 1 : 0
}
