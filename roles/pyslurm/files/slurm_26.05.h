/*
 * pyslurm 25.11 with Slurm 26.05: what changed between the two releases, bridged at compile time (gcc -include).
 * Needed only while there is no pyslurm 26.5.
 */
#ifndef HPC_SLURM_SLURM_26_05_H
#define HPC_SLURM_SLURM_26_05_H

#include <string.h>
#include <slurm/slurm.h>

/* Renamed. */
#define slurm_free_ctl_conf slurm_free_conf
/* Gone from the enumeration; pyslurm only names it. */
#define ESLURM_ERROR_ON_DESC_TO_RECORD_COPY 2097

extern void slurm_xfree(void **);

/*
 * 26.05 returns the reservation's name from Slurm's own allocator, pyslurm frees it with free():
 * hand out a copy that free() may have.
 */
static inline char *hpc_slurm_create_reservation(resv_desc_msg_t *message)
{
	char *theirs = slurm_create_reservation(message);
	char *ours = theirs ? strdup(theirs) : NULL;

	slurm_xfree((void **) &theirs);
	return ours;
}
#define slurm_create_reservation hpc_slurm_create_reservation

#endif
