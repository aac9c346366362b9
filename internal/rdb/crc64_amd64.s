#include "textflag.h"

// FOLD multiplies the two halves of x by those of k, and leaves the sum in x. t is used.
#define FOLD(x, k, t) \
	MOVOU     x, t; \
	PCLMULQDQ $0x00, k, x; \
	PCLMULQDQ $0x11, k, t; \
	PXOR      t, x

// func foldCRC(crc uint64, b []byte, by *[4]uint64, out *[16]byte)
TEXT ·foldCRC(SB), NOSPLIT, $0-48
	MOVQ  crc+0(FP), X0
	MOVQ  b_base+8(FP), SI
	MOVQ  b_len+16(FP), CX
	MOVQ  by+32(FP), DX
	MOVQ  out+40(FP), DI
	MOVOU (DX), X8
	MOVOU 16(DX), X9

	MOVOU (SI), X1
	MOVOU 16(SI), X2
	MOVOU 32(SI), X3
	MOVOU 48(SI), X4
	PXOR  X0, X1
	ADDQ  $64, SI
	SUBQ  $64, CX

four:
	CMPQ  CX, $64
	JB    one
	FOLD(X1, X8, X5)
	FOLD(X2, X8, X6)
	FOLD(X3, X8, X7)
	FOLD(X4, X8, X10)
	MOVOU (SI), X11
	MOVOU 16(SI), X12
	MOVOU 32(SI), X13
	MOVOU 48(SI), X14
	PXOR  X11, X1
	PXOR  X12, X2
	PXOR  X13, X3
	PXOR  X14, X4
	ADDQ  $64, SI
	SUBQ  $64, CX
	JMP   four

one:
	FOLD(X1, X9, X5)
	PXOR X1, X2
	FOLD(X2, X9, X6)
	PXOR X2, X3
	FOLD(X3, X9, X7)
	PXOR X3, X4

last:
	CMPQ  CX, $16
	JB    done
	FOLD(X4, X9, X5)
	MOVOU (SI), X11
	PXOR  X11, X4
	ADDQ  $16, SI
	SUBQ  $16, CX
	JMP   last

done:
	MOVOU X4, (DI)
	RET
