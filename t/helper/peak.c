/* peak - runs a command with its output thrown away, and prints the peak of its memory in KiB
 *
 *	peak COMMAND... */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct rusage used;
	int status, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (argc < 2 || null < 0)
		errx(2, "usage: peak COMMAND...");
	pid_t pid = fork();
	if (pid == 0) {
		dup2(null, 1);
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0)
		err(2, "wait4");
	printf("%ld\n", used.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}
