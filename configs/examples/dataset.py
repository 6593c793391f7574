import h5py
import torch


class Clips(torch.utils.data.Dataset):
    """The finished items of a ditmill run directory: frames, uint8 [frames, height, width, 3], and prompt."""

    def __init__(self, run):
        self.path, self.file = f"{run}/results.h5", None
        with h5py.File(self.path) as results:
            self.ids = sorted(results["items"])

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, index):
        if self.file is None:  # opened by the worker that reads: HDF5 does not survive a fork
            self.file = h5py.File(self.path)
        item = self.file["items"][self.ids[index]]
        return {"id": self.ids[index], "prompt": item.attrs["prompt"], "frames": torch.from_numpy(item["frames"][...])}
