/*
 * The structures of FreeBSD's kernel that are read through foreign function calls, for 64-bit machines: as sys/user.h,
 * sys/resource.h, sys/event.h, net/if.h, net/if_mib.h and net/if_bridgevar.h of FreeBSD 13, 14 and 15 have them.
 * Members that are not looked at are here for the size of the others.
 */
#include <stddef.h>
#include <stdint.h>

struct fb_timeval { int64_t tv_sec; int64_t tv_usec; };

struct fb_rusage {
	struct fb_timeval ru_utime, ru_stime;
	int64_t ru_maxrss, ru_ixrss, ru_idrss, ru_isrss, ru_minflt, ru_majflt, ru_nswap;
	int64_t ru_inblock, ru_oublock, ru_msgsnd, ru_msgrcv, ru_nsignals, ru_nvcsw, ru_nivcsw;
};

struct fb_sigset { uint32_t bits[4]; };

struct fb_kinfo_proc {
	int32_t ki_structsize, ki_layout;
	void *ki_args, *ki_paddr, *ki_addr, *ki_tracep, *ki_textvp, *ki_fd, *ki_vmspace, *ki_wchan;
	int32_t ki_pid, ki_ppid, ki_pgid, ki_tpgid, ki_sid, ki_tsid;
	int16_t ki_jobc, ki_spare_short1;
	uint32_t ki_tdev_freebsd11;
	struct fb_sigset ki_siglist, ki_sigmask, ki_sigignore, ki_sigcatch;
	uint32_t ki_uid, ki_ruid, ki_svuid, ki_rgid, ki_svgid;
	int16_t ki_ngroups, ki_spare_short2;
	uint32_t ki_groups[16];
	uint64_t ki_size;
	int64_t ki_rssize, ki_swrss, ki_tsize, ki_dsize, ki_ssize;
	uint16_t ki_xstat, ki_acflag;
	uint32_t ki_pctcpu, ki_estcpu, ki_slptime, ki_swtime, ki_cow;
	uint64_t ki_runtime;
	struct fb_timeval ki_start, ki_childtime;
	int64_t ki_flag, ki_kiflag;
	int32_t ki_traceflag;
	char ki_stat;
	signed char ki_nice;
	char ki_lock, ki_rqindex;
	unsigned char ki_oncpu_old, ki_lastcpu_old;
	char ki_tdname[17], ki_wmesg[9], ki_login[18], ki_lockname[9], ki_comm[20], ki_emul[17], ki_loginclass[18];
	char ki_moretdname[4], ki_sparestrings[46];
	int32_t ki_spareints[2];
	uint64_t ki_tdev;
	int32_t ki_oncpu, ki_lastcpu, ki_tracer, ki_flag2, ki_fibnum;
	uint32_t ki_cr_flags;
	int32_t ki_jid, ki_numthreads, ki_tid;
	uint8_t ki_pri[4];
	struct fb_rusage ki_rusage, ki_rusage_ch;
	void *ki_pcb, *ki_kstack, *ki_udata, *ki_tdaddr, *ki_spareptrs[6];
	int64_t ki_sparelongs[12], ki_sflag, ki_tdflags;
};
_Static_assert(sizeof(struct fb_kinfo_proc) == 1088, "KINFO_PROC_SIZE of amd64 and arm64");

struct fb_if_data {
	uint8_t ifi_type, ifi_physical, ifi_addrlen, ifi_hdrlen, ifi_link_state, ifi_vhid;
	uint16_t ifi_datalen;
	uint32_t ifi_mtu, ifi_metric;
	uint64_t ifi_baudrate, ifi_ipackets, ifi_ierrors, ifi_opackets, ifi_oerrors, ifi_collisions, ifi_ibytes, ifi_obytes;
	uint64_t ifi_imcasts, ifi_omcasts, ifi_iqdrops, ifi_oqdrops, ifi_noproto, ifi_hwassist;
	int64_t ifi_epoch;
	struct fb_timeval ifi_lastchange;
};

struct fb_ifmibdata {
	char ifmd_name[16];
	int32_t ifmd_pcount, ifmd_flags, ifmd_snd_len, ifmd_snd_maxlen, ifmd_snd_drops, ifmd_filler[4];
	struct fb_if_data ifmd_data;
};

struct fb_ifreq {
	char ifr_name[16];
	union {
		char ifr_bytes[16];
		int16_t ifr_flags[2];
		struct { size_t length; void *buffer; } ifr_buffer;
	};
};
_Static_assert(sizeof(struct fb_ifreq) == 32, "the size in SIOCIFCREATE2, 0xc020697c");

struct fb_ifdrv { char ifd_name[16]; unsigned long ifd_cmd; size_t ifd_len; void *ifd_data; };
_Static_assert(sizeof(struct fb_ifdrv) == 40, "the size in SIOCSDRVSPEC, 0x8028697b");

struct fb_ifgroupreq { char ifgr_name[16]; uint32_t ifgr_len; union { char ifgr_group[16]; char (*ifgr_groups)[16]; }; };
_Static_assert(sizeof(struct fb_ifgroupreq) == 40, "the size in SIOCGIFGMEMB, 0xc028698a");

struct fb_ifbreq {
	char ifbr_ifsname[16];
	uint32_t ifbr_ifsflags, ifbr_stpflags, ifbr_path_cost;
	uint8_t ifbr_portno, ifbr_priority, ifbr_proto, ifbr_role, ifbr_state;
	uint32_t ifbr_addrcnt, ifbr_addrmax, ifbr_addrexceeded;
	uint8_t pad[32];
};
_Static_assert(sizeof(struct fb_ifbreq) == 80, "what the bridge compares ifd_len with");

struct fb_kevent {
	uintptr_t ident; int16_t filter; uint16_t flags; uint32_t fflags; int64_t data; void *udata; uint64_t ext[4];
};
_Static_assert(sizeof(struct fb_kevent) == 64, "since FreeBSD 12");
