"""Spanish words to opt out, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

SPANISH: dict[Role, str] = {
    "stop": "basta paren pare parad para_ya para_por_favor para_de parar detengan detener detenganse deten alto"
    " para_con parenle parale",
    "end": "dejen dejad deje deja dejar dejes cesen cesar cese rechazo niego prohibo opongo cancelar_todo salir"
    " baja ya_basta",
    "enough": "suficiente suficientes harto harta cansado cansada no_me_interesa no_me_interesan"
    " no_estoy_interesad{o,a}",
    "leave": "darme_de_baja darse_de_baja den_de_baja denme_de_baja dame_de_baja dar_de_baja desuscrib*"
    " desuscripcion desapunt* cancelar_suscripcion cancelen_suscripcion {borr,elimin,quit,sac}enme"
    " {borr,elimin,quit,sac}ame {borr,elimin,quit,sac}arme elimineme quiteme saqueme saquenme borreme"
    " dejenme_en_paz dejame_en_paz dejadme_en_paz dejeme_en_paz dejenme_tranquil{o,a} quitadme sacadme borradme"
    " bloqueenme olvidenme nunca_me_suscribi no_me_suscribi salirme no_me_registre bloque* salir_de_la_lista"
    " dejen_de_joder vayanse",
    "remove": "borren borrar borra borre borrad eliminen eliminar elimina elimine eliminad quiten quitar quita"
    " quite saquen sacar remuevan remover supriman cancelar cancelen retiro retirar retiren revoco revocar anular"
    " excluyan excluir desvincular tachen eliminacion elimin* borr* remov* quit*",
    "send": "escrib{an,as,a,ir,irme,irnos,ais,iendo,iendome} envi{en,es,e,ar,arme,arnos,ando,andome,eis}"
    " mand{en,es,e,ar,arme,arnos,ando,andome,eis} contact{en,es,e,ar,arme,arnos,ando,andome,eis}"
    " llam{en,es,ar,arme,ando} molest{en,es,arme,arnos,ando,andome} moleste_mas envio spamear hablen hablarme"
    " contactad{o,a} notifiquen notificar notificarme bombardear bombardeen fastidiar fastidien fastidiando jodan"
    " joder acosar acosen acosando insistan insistir spameen molest* fastid* hostig* acos*",
    "receive": "recibir recibo reciba recibiendo",
    "want": "quiero quisiera deseo queremos deseamos autorizo autorizamos interesa necesito gustaria vuelvan"
    " vuelvas vuelva",
    "message": "mensaje mensajes mensajito mensajitos correo correos publicidad propaganda promocion promociones"
    " ofertas boletin boletines notificaciones anuncios avisos comunicaciones llamadas mails textos wasap wasaps"
    " whatsapps anuncio novedades cosas info informacion campanas contenido descuentos alertas encuestas comercial"
    " comerciales",
    "me": "me nos numero mi_numero datos mi_nombre telefono contacto celular movil mis_datos",
    "list": "lista listas base_de_datos registros difusion contactos grupo suscripcion consentimiento permiso sistema",
    "no": "no nunca jamas",
    "none": "sin",
    "more": "mas otra_vez nuevamente nunca_mas nada",
    "can": "puedo pueden podemos he han hemos puede",
    "keep": "sigan seguir suscribirme suscribir quiero_recibir continuen encanta",
    "ordinary": "autobus parada vuelo vuelos escalas avion tren aeropuerto estacion habitacion habitaciones"
    " cuarto cama cuna toalla toallas limpieza ruido musica television aire ducha agua gotear llover lluvia"
    " desayuno cena almuerzo comida comer cocina mesa reserva reservas factura recibo cargo cuenta temporada"
    " planta piscina clase masaje excursion playa equipaje maleta aparcamiento llave ascensor confirmacion espera"
    " molestar avisarme pescado cancion",
    "when": "antes hasta cuando lunes martes miercoles jueves viernes sabado domingo manana",
    "polite": "por_favor porfavor porfa gracias ya ahora ahora_mismo inmediatamente hola muchas_gracias"
    " numero_equivocado equivocado no_gracias saludos un_saludo atentamente cordialmente esto senores de_una_vez"
    " urgente por_dios no_los_conozco",
    "glue": "yo tu usted ustedes vosotros el la los las un una unos unas de del a al con que y o pero lo le les"
    " se su sus mi mis es son esta este estos estas todo todos vuestros vuestra favor como hago",
    "at": "en donde cerca sobre hay",
}
