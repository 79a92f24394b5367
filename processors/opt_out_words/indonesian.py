"""Indonesian words to opt out, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

INDONESIAN: dict[Role, str] = {
    "stop": "berhenti hentikan dihentikan setop brenti brhenti berenti",
    "end": "tolak menolak keberatan mengganggu sudahi menarik cabut mencabut terganggu blokir blok stopin udahan",
    "enough": "cukup bosan capek risih tidak_tertarik gak_tertarik ga_tertarik nggak_tertarik tidak_minat",
    "leave": "unreg unregister berhenti_berlangganan berhenti_langganan batal_langganan batalkan_langganan"
    " jangan_ganggu_{saya,aku,kami} blokir_saya tidak_pernah_daftar gak_pernah_daftar ga_pernah_daftar"
    " tidak_pernah_mendaftar keluar_dari_grup bukan_nomor_saya keluar_dari_daftar keluar_dari_list",
    "remove": "hapus hapuskan dihapus menghapus keluarkan dikeluarkan copot coret batalkan delete remove"
    " hilangkan buang hapusin penghapusan hapus* keluarin",
    "send": "kirim kirimi kirimkan kirimin mengirim mengirimi mengirimkan ngirim dikirim dikirimi hubungi"
    " menghubungi dihubungi kontak telepon telpon nelpon chat ngechat sms wa whatsapp kontek menelepon spam ganggu"
    " email ngontak mengontak ditelepon ditelpon dichat japri dm blast wasap disms diwa hubung* menghubung*",
    "receive": "terima menerima nerima dapat mendapat dapet",
    "want": "mau ingin pengen minat tertarik perlu usah butuh setuju",
    "message": "pesan pesannya pesan_pesan promosi promosinya promonya iklan iklannya notifikasi penawaran chat"
    " broadcast sms_sms spam info_promo langganan info informasi emailnya smsnya penawarannya tawaran wanya blast",
    "me": "saya sy aku gue gw kami nomor nomer nomorku nomerku no_saya data nama kontak nope kontakku akun no_hp"
    " no_wa data_saya",
    "list": "daftar list kontak database grup broadcast milis persetujuan sistem",
    "no": "jangan jgn jngn tidak tdk tak gak ga gk nggak ngga enggak ndak dilarang gausah gakusah jangan_lagi",
    "none": "bukan",
    "more": "lagi lg pernah terus",
    "can": "bisa belum dapat_kah blm",
    "keep": "lanjutkan tetap daftarkan suka berlangganan_newsletter ingin_berlangganan mau_berlangganan",
    "ordinary": "halte bandara kereta stasiun pesawat penerbangan kamar sarapan makan malam siang pagi jam"
    " handuk housekeeping ac air bocor hujan suara bising musik kolam restoran resepsionis reservasi tagihan biaya"
    " koper mobil shuttle kunci meja tamu bukti bayar tutup pijat kelas konfirmasi tur sopir berhenti_di stop_di"
    " lupa parkir lift kasur bantal antrean tunggu turun naik laundry",
    "when": "sebelum sampai dulu besok nanti senin selasa rabu kamis jumat sabtu minggu",
    "polite": "tolong tlg mohon ya yah dong deh kak kakak min admin pak bu mas mbak gan sis terima_kasih makasih"
    " terimakasih trims maaf sekarang segera juga sih nih saja aja salah_nomor salah_sambung salah_orang sudah"
    " banget tidak_kenal siapa_ini woi",
    "glue": "ini itu yang untuk dari ke di dan atau dengan karena saja kalian anda kamu lu mereka adalah akan"
    " telah tak_pernah nya promosi_promosi cara bagaimana gimana kenapa kirim_kirim apa",
    "at": "mana",
}
