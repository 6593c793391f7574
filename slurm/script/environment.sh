# What sbatch --export leaves here has srun, and by it mpirun, start ranks without what is set below; and what a user
# sets for looks of his own at the queue is not for those of this script.
unset SLURM_EXPORT_ENV SLURM_TIME_FORMAT "${!SQUEUE_@}" "${!SCONTROL_@}"

