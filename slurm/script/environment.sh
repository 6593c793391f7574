# SLURM_EXPORT_ENV, which sbatch --export leaves, would have srun and mpirun start ranks without what is set below. The
# others are its user's, for his own looks at the queue.
unset SLURM_EXPORT_ENV SLURM_TIME_FORMAT "${!SQUEUE_@}" "${!SCONTROL_@}"

