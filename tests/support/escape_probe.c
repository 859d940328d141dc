/* Ways to a socket that Python cannot take: the 32-bit system calls of a 64-bit process, and an
 * io_uring ring that opens the socket itself. Prints "reached" or an errno; built by the tests. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_OP_SOCKET 45 /* IORING_OP_SOCKET, Linux 5.19; older headers lack it */

static int report(long result)
{
	if (result >= 0)
		puts("reached");
	else
		printf("%ld\n", -result);
	return 0;
}

#ifdef __x86_64__
static long call_32(long number, long first, long second, long third)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result)
			 : "a"(number), "b"(first), "c"(second), "d"(third)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static long socketcall_32(void)
{
	uint32_t *arguments = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (arguments == MAP_FAILED)
		return -errno;
	arguments[0] = 2; /* AF_INET */
	arguments[1] = 1; /* SOCK_STREAM */
	arguments[2] = 0;
	return call_32(102, 1 /* SYS_SOCKET */, (long)arguments, 0);
}
#endif

static long ring_socket(void)
{
	struct io_uring_params parameters;
	memset(&parameters, 0, sizeof parameters);
	long ring = syscall(SYS_io_uring_setup, 4, &parameters);
	if (ring < 0)
		return -errno;
	size_t size = parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t);
	size_t size_done = parameters.cq_off.cqes +
			   parameters.cq_entries * sizeof(struct io_uring_cqe);
	char *submit = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
			    IORING_OFF_SQ_RING);
	char *done = mmap(NULL, size_done, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
			  IORING_OFF_CQ_RING);
	struct io_uring_sqe *entry =
		mmap(NULL, parameters.sq_entries * sizeof *entry, PROT_READ | PROT_WRITE,
		     MAP_SHARED, ring, IORING_OFF_SQES);
	if (submit == MAP_FAILED || done == MAP_FAILED || (void *)entry == MAP_FAILED)
		return -errno;
	memset(entry, 0, sizeof *entry);
	entry->opcode = RING_OP_SOCKET;
	entry->fd = 2;	/* AF_INET */
	entry->off = 1; /* SOCK_STREAM */
	((uint32_t *)(submit + parameters.sq_off.array))[0] = 0;
	__atomic_store_n((uint32_t *)(submit + parameters.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	return ((struct io_uring_cqe *)(done + parameters.cq_off.cqes))[0].res;
}

int main(int count, char **arguments)
{
	const char *way = count > 1 ? arguments[1] : "";
#ifdef __x86_64__
	if (strcmp(way, "i386 socket") == 0)
		return report(call_32(359, 2, 1, 0));
	if (strcmp(way, "i386 socketcall") == 0)
		return report(socketcall_32());
	if (strcmp(way, "x32 socket") == 0) {
		long result = syscall(0x40000000L + 41, 2, 1, 0);
		return report(result < 0 ? -errno : result);
	}
#endif
	if (strcmp(way, "io_uring socket") == 0)
		return report(ring_socket());
	return report(-EOPNOTSUPP);
}
