import numpy as np
from mouse_facelift.formats.views import Views
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.formats.manifest import tensor
from mouse_facelift.normalization.normalize import normalize_views
from mouse_facelift.settings import *
import pytest, time

@pytest.mark.parametrize("n", [Keep(mode="keep"), Contract(mode="contract", residual_limit=1), Fill(mode="fill", radius=.6, residual_limit=3), Resize(mode="resize", normalize_distance_to=None), Resize(mode="resize", normalize_distance_to=2.7)])
def test_x(recording, contract, tmp_path, n):
    out=tmp_path/"m.json"
    t=time.thread_time()
    normalize_views(recording.manifest, out, 0, n, n.mode, contract, NormalizationWork(frames_per_chunk=30, hull_resolution=96))
    print(n, "time", time.thread_time()-t)
    v=Views.read(out)
    print(v.violations[:6])
    for s in v.samples:
        S=read_sample(tmp_path/s.folder)
        sim=Similarity(s.scale,tensor(s.rotation),tensor(s.center))
        true=recording.truth(s.frame,S.cameras,sim.inverse_points,8)
        if n.mode=="resize": true=None
        print(s.frame,"c",s.center,"r",s.subject_radius, s.subject_center,"scale",s.scale,"mag",s.magnification, [round(r.p95,3) for r in s.residuals],[round(r.max,3) for r in s.residuals])
        if true is not None:
            got=S.over_white().permute(0,2,3,1).numpy(); t=true[...,:3]+1-true[...,3:]
            mse=((got-t)**2).mean((1,2,3)); fg=true[...,3]>.5
            inner=true[...,3]>.999
            print("  psnr",[round(-10*np.log10(m),1) for m in mse],"fg",[round(-10*np.log10(((got-t)[i][fg[i]]**2).mean()),1) for i in range(6)],"inner",[round(-10*np.log10(((got-t)[i][inner[i]]**2).mean()),1) for i in range(6)], "alpha err", np.abs(S.alpha.numpy()-true[...,3]).mean()*1e3)
