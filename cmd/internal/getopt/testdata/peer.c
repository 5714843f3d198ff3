// Reads command lines with getopt_long(3), for FuzzParse. It reads requests from stdin and
// writes an answer for each to stdout. Numbers have four bytes; a text is its length and
// its bytes; a list is the number of its elements and the elements.
//
// A request is whether options may stand among the operands (a number), the options (a
// list) and the words of the command line (a list of texts). An option is whether it has
// an argument (a number), its letters (a text) and its long names (a list of texts).
//
// An answer is an 'o' for each option, with its index and its argument; an 'a' for each
// operand, with its text; and an 'e' with a number: 0 if the command line is wrong.
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef __GLIBC__
#error "needs the C library of GNU"
#endif

static uint32_t number(void) {
	uint32_t n;
	if (fread(&n, sizeof n, 1, stdin) != 1) exit(0);
	return n;
}

// An allocation ends with its request.
static struct allocation {
	struct allocation *next;
} *allocations;

static void *allocate(size_t n) {
	struct allocation *a = calloc(1, sizeof *a + n);
	a->next = allocations;
	allocations = a;
	return a + 1;
}

static void free_all(void) {
	for (struct allocation *a; (a = allocations); free(a)) allocations = a->next;
}

static char *text(void) {
	uint32_t n = number();
	char *s = allocate(n + 1);
	if (n && fread(s, n, 1, stdin) != 1) exit(1);
	s[n] = 0;
	return s;
}

static void put_number(uint32_t n) { fwrite(&n, sizeof n, 1, stdout); }

static void put_text(const char *s) {
	uint32_t n = 0;
	while (s[n]) n++;
	put_number(n);
	fwrite(s, n, 1, stdout);
}

int main(void) {
	unsetenv("POSIXLY_CORRECT");
	opterr = 0;
	for (;;) {
		char letters[1024], *at = letters;
		struct option longs[1024], *next = longs;
		int of[256] = {0};
		if (!number()) *at++ = '+';
		uint32_t options = number();
		for (uint32_t i = 0; i < options; i++) {
			uint32_t has_arg = number();
			for (char *s = text(); *s; s++) {
				of[(unsigned char)*s] = i;
				*at++ = *s;
				if (has_arg) *at++ = ':';
			}
			for (uint32_t n = number(); n > 0; n--) *next++ = (struct option){text(), has_arg, NULL, 256 + i};
		}
		*at = 0;
		*next = (struct option){0};
		uint32_t words = number();
		char **argv = allocate((words + 2) * sizeof *argv);
		argv[0] = "peer";
		for (uint32_t i = 1; i <= words; i++) argv[i] = text();
		optind = 0;
		int c;
		while ((c = getopt_long(words + 1, argv, letters, longs, NULL)) != -1 && c != '?') {
			putchar('o');
			put_number(c < 256 ? of[c] : c - 256);
			put_text(optarg ? optarg : "");
		}
		for (; c != '?' && optind <= (int)words; optind++) {
			putchar('a');
			put_text(argv[optind]);
		}
		putchar('e');
		put_number(c != '?');
		fflush(stdout);
		free_all();
	}
}
